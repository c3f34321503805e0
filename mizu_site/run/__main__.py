"""`python -m mizu_site.run COMMAND`: what `mizu` does, in the environment that is there."""

import sys

from mizu_site.run.cli import within

sys.exit(within(sys.argv[1:]))
