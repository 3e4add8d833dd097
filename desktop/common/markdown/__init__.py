"""How markdown of agents is read and what becomes of its parts. `desktop.common.rendering` is the way in."""
