"""What numbers mean and how they are changed. Pure: values in, values out."""
