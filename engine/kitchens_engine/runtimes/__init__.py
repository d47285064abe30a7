"""Where processes run. Containers are another package's business."""
