"""Events of jobs, checkpoints, files and forecasts on a broker, which shorten delays.

===========  ==================================================================================
module       what it holds
===========  ==================================================================================
`notice`     one event: what it may say (a JSON schema), its id, its bytes (CloudEvents 1.0)
`senses`     what has changed between two looks: notices, by pure functions
`wire`       a thread between an agent and a broker; the agent never waits for either
`broker`     which broker: NATS JetStream or Kafka by its address, tokens from files
`server`     a NATS server of one's own, without root, on loopback
===========  ==================================================================================

**The loop.** What is seen (`senses`) becomes notices; notices make an agent look sooner
(`helpers.operate.link`); from what it sees come estimates (`helpers.operate.estimates`) and one
action (`helpers.operate.agent.decide`); what was done is a notice again.

**Hints, never orders.** A notice says that something has happened to a job or a zone. It carries no
command, no path and no script; the agent looks up what is true where it always does. So a notice
that is late, lost, repeated, invented or hostile costs one look at the most, and without a broker
everything works by polling.

Needs the extra `events`, which is loaded when it is used. This module imports nothing.
"""
