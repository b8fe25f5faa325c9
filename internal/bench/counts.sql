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
