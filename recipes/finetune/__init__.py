"""Fine-tunes language models with transformers, TRL and PEFT, as an Anneal job."""
