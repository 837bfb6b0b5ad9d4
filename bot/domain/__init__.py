"""The ground floor: values and decisions. No I/O, no clock; time and randomness come in as arguments."""
