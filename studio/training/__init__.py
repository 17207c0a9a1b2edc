"""Fine-tuning: a frozen plan, a gate on the data, the fit itself and an honest evaluation."""
