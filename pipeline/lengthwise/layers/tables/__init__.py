"""What columns need of a layer: the plan, the embedding tables and their first weights."""
