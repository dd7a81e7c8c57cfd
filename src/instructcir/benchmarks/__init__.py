"""The official files of the four benchmarks, each as one value."""
