-- name: orders
select count(*) from orders;

-- name: paid
select count(*) from orders where paid_at is not null;

-- name: orders not confirmed once
select count(*) from orders o left join (select order_id, count(*) as n from messages where channel = 'sms' and template = 'confirm' group by order_id) m
	on m.order_id = o.id where coalesce(m.n, 0) <> 1;

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

-- name: unknown attempts
select count(*) from message_attempts where outcome = 'unknown';

-- name: open attempts
select count(*) from message_attempts a where outcome = 'open' and not exists (select 1 from messages m where m.id = a.message and m.state = 'queued');

-- name: messages
select m.id, m.class, m.template, m.country, m.recipient, m.body, m.state, m.reason, m.repeats, m.order_id, m.wire_at,
	coalesce(a.tries, 0), coalesce(a.doubtful, 0), a.earliest, a.latest
from messages m left join (select message, count(*) as tries, sum(case when outcome = 'refused' then 0 else 1 end) as doubtful,
	min(started_at) as earliest, max(started_at) as latest from message_attempts group by message) a on a.message = m.id
where m.channel = 'sms' order by m.id;

-- name: stops
select sender, min(at) from inbound_messages where intent = 'stop' group by sender order by sender;

-- name: by route
select route, outcome, count(*) from message_attempts group by route, outcome order by route, outcome;
