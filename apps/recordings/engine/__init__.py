"""What recordings are made of, without Django: sealed files, keys, the packets a worker keeps, and their place in time.

The switch writes by these modules what the office reads by them.
"""
