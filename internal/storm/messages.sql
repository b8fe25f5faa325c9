-- name: orders
select count(*) from orders;

-- name: paid
select count(*) from orders where paid_at is not null;

-- name: orders not confirmed once
select count(*) from orders o where 1 <> (select count(*) from messages m where m.order_id = o.id and m.channel = 'sms' and m.template = 'confirm');

-- name: confirmations of nothing
select count(*) from messages m where m.template = 'confirm' and not exists (select 1 from orders o where o.id = m.order_id and o.paid_at is not null);

-- name: orders entered twice
select count(*) from (select external_ref from orders group by external_ref having count(*) > 1) x;

-- What must be quick and has not left yet.
-- name: waiting
select count(*) from messages where channel = 'sms' and class in ('transactional', 'reply') and state in ('held', 'queued');

-- name: on their way
select count(*) from messages where channel = 'sms' and state in ('queued', 'sent');

-- name: due
select count(*) from messages where state = 'held' and held_until <= $1;

-- name: parked receipts
select count(*) from message_receipts where message = '';

-- name: open attempts
select count(*) from message_attempts a where outcome = 'open' and not exists (select 1 from messages m where m.id = a.message and m.state = 'queued');

-- name: messages
select m.id, m.class, m.template, m.country, m.recipient, m.body, m.state, m.reason, m.repeats, m.order_id, m.wire_at,
	(select count(*) from message_attempts a where a.message = m.id and a.outcome in ('taken', 'unknown', 'open')),
	(select count(*) from message_attempts a where a.message = m.id and a.outcome = 'unknown'),
	(select min(started_at) from message_attempts a where a.message = m.id),
	(select max(started_at) from message_attempts a where a.message = m.id)
from messages m where m.channel = 'sms' order by m.id;

-- name: stops
select sender, min(at) from inbound_messages where intent = 'stop' group by sender order by sender;

-- name: by route
select route, outcome, count(*) from message_attempts group by route, outcome order by route, outcome;
