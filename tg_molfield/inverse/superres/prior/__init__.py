"""A network trained on proteins that corrects the linear answer between the nodes."""
