"""Models and their endpoints: clients, streams, failures, and what is known of a model by its name."""
