"""Publishing: a promoted model as two repositories that a stranger can use, on the Hub, in a folder or a bucket."""
