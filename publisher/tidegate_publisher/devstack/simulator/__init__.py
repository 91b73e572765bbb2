"""`tidegate dev fleet`: thousands of hosts in a few processes, each as true to the protocol as an agent.

profile     what a host is like, how it will behave      letters     each message verified once a process
shares      who of a fleet behaves how, by hash          judging     which statements a host takes up
progress    where an update can stand                    hostmodel   the host: a word in, events out (PURE)
telling     events and status in the agent's words       outbox      what the broker has not acknowledged
loop        timers and sockets of one process            connection  one MQTT connection on that loop
simhost     model, outbox and connection of one host     fleet       all hosts of one process
ledger      every event's id, created, acknowledged      figures     what is counted
crew        several processes, their figures summed up   command     the options
unverified  a verifier that believes everything          keeper      connects, and stays connected

The agent's own packages are not used: publisher and agent never import each other. That the model says what
the agent says is what tests/contract/test_simulated_hosts.py is for. docs/simulator.md says what differs.
"""
