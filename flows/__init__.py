"""The flows: one file each, thin, the pipeline's table of contents."""
