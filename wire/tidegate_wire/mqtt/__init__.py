"""MQTT for both sides: settings, one connection, the publisher's session, and the pauses between attempts.

settings    what a person configures, checked            endpoint   where a broker listens, out of a URL
messages    what goes over the wire                      failures   errors in words for people
client      a paho client for one protocol version       link       one connection, from CONNECT to its loss
dialect     which protocol version to try next           backoff    how long to pause between attempts
callbacks   what paho tells of it                        flood      a bound on one incoming packet
bounds      what the broker takes of us                  pulse      whether it still lives
session     the publisher's short synchronous session    slim_paho  paho without what it drags in
cluster     the brokers that will do, and their order
"""
