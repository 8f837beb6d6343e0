"""Messages between the three processes, and the sockets that carry them."""
