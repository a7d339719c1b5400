"""What the tests share: starting servers, speaking to them in raw bytes, waiting by condition."""
