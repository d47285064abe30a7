"""What nodes run with: an image or a virtual environment, made once per content."""
