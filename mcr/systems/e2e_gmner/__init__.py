"""E2E-GMNER (arXiv 2604.17319): two-part reasoning and Gaussian box perturbation."""
