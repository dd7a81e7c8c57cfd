"""Both training stages: recipes, the objective, and the run on transformers' trainer."""
