"""Listens to a fleet and writes down what it says: acknowledged to the broker once it is in the store.

collector   the loop: connect, gather, store, acknowledge     settings   what may be set
line        the MQTT session                                  reading    messages to words
intake      words into the store, come what may               tap        who is told of what was stored
upkeep      what is done beside: waves, what is forgotten
"""
