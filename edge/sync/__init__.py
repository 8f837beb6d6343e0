"""The link: the process that has the network, and neither camera, keys nor templates."""
