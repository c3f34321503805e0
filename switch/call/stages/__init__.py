"""The stages of a call set-up, each a pure function from the call and the world to the call or a rejection."""
