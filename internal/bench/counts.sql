-- name: empty
drop schema if exists public cascade;

-- name: public
create schema public;

-- name: orders
select count(*) from orders where paid_at is not null;

-- name: confirmed
select count(*) from orders o where paid_at is not null and exists
	(select 1 from messages m where m.order_id = o.id and m.channel = 'sms' and m.template = 'confirm' and m.wire_at is not null);

-- name: confirmations
select count(*) from messages where channel = 'sms' and template = 'confirm' and wire_at is not null;

-- name: wire
select recipient, lang, fact_at, queued_at, wire_at, delivered_at from messages
where channel = 'sms' and template = 'confirm' and fact_at is not null and wire_at is not null and created_at >= $1;

-- name: receipts
select count(*) from message_receipts;

-- name: waiting runs
insert into journey_runs (id, journey, version, key, priority, customer, market, lang, order_id, cart, parcel, node, state, reason, arm, way, due_at, fact_at, started_at, ended_at, sent, steps, body)
	with recursive n(i) as (select 1 union all select i + 1 from n where i < 0 + $3)
	select 'run_' || $1 || '_' || i, 'bench', 1, $1 || '_' || i, 10, 'cus_' || $1 || '_' || i, 'de', 'de', '', '', '', 'pause', 'waiting', '', '', '', $2, $4, $4, null, 0, 1, '{}' from n;

-- name: waiting subjects
insert into journey_subjects (subject, run) select 'person:' || customer, id from journey_runs where journey = 'bench';

-- name: runs that wait
select count(*) from journey_runs where journey = 'bench' and ended_at is null and due_at <= $1;

-- name: steps of runs
select key, at from journey_steps where journey = 'bench' and node = 'over' order by at;
