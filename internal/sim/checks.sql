-- name: paid orders
select count(*) from orders where paid_at is not null;

-- name: orders without one confirmation
select o.number from orders o where o.paid_at is not null and o.source = 'shop' and o.paid_at < $1
	and 1 <> (select count(*) from messages m where m.order_id = o.id and m.order_id <> '' and m.template = 'confirm' and m.channel = 'sms') order by o.number;

-- name: money that doesn't match
select o.number from orders o where o.paid_at is not null and o.source = 'shop' and not exists
	(select 1 from payment_intents i join payment_attempts a on a.intent = i.id join fakepsp_payments p on p.reference = a.id
	where i.order_id = o.id and p.state = 'captured' and p.received = o.total)
union all
select p.ref from fakepsp_payments p where p.state = 'captured' and p.created_at < $1
	and p.received > (select coalesce(sum(r.amount), 0) from fakepsp_refunds r where r.payment = p.ref)
	and not exists (select 1 from payment_attempts a join payment_intents i on i.id = a.intent join orders o on o.id = i.order_id
		where a.id = p.reference and o.paid_at is not null);

-- name: low ratings
select count(*) from journey_ratings where score <= 2;

-- name: low ratings without ticket
select r.order_id from journey_ratings r where r.score <= 2 and not exists
	(select 1 from tickets t where t.order_id = r.order_id and t.order_id <> '' and t.reason = 'rating' and (julianday(t.opened_at) - julianday(r.at)) * 86400 between -0.1 and 5);

-- name: codes used
select count(*) from discount_uses;

-- name: codes used twice
select code from discount_uses group by code having count(*) > 1;

-- name: runs over
select count(*) from journey_runs where ended_at is not null;

-- name: runs without reason
select r.journey || ' ' || r.key from journey_runs r where r.state in ('exited', 'failed') and r.reason = ''
union all
select r.journey || ' ' || r.key from journey_runs r where r.ended_at is not null and not exists (select 1 from journey_steps p where p.run = r.id and p.run <> '');

-- name: steps not sent
select count(*) from journey_steps where outcome = 'not_sent';

-- name: steps without reason
select id from journey_steps where outcome in ('not_sent', 'withheld') and reason = '';

-- name: messages not sent
select count(*) from messages where state in ('dropped', 'failed', 'expired');

-- name: messages without reason
select id from messages where state in ('dropped', 'failed', 'expired') and reason = '';

-- name: journey messages
select count(*) from messages where substr(key, 1, 4) = 'run_' or substr(key, 1, 6) in ('optin:', 'moved:') or substr(key, 1, 5) = 'next:';

-- name: journey messages without step
select m.template || ' ' || m.channel || ' ' || m.state || ', ' || m.key from messages m where substr(m.key, 1, 4) = 'run_' and not exists
	(select 1 from journey_steps p join journey_runs r on r.id = p.run where p.message = m.id and p.message <> '' and substr(m.key, 1, length(p.run) + 1) = p.run || ':' and p.node <> ''
		and (p.outcome = 'sent' and json_extract(r.body, '$.event.event') <> '' or p.outcome in ('waits', 'not_sent') and p.reason <> ''))
union all
select m.template || ' ' || m.channel || ' ' || m.state || ', ' || m.key from messages m where substr(m.key, 1, 6) in ('optin:', 'moved:') and not exists
	(select 1 from journey_steps p where p.message = m.id and p.message <> '' and p.key <> '')
union all
select m.template || ' ' || m.channel || ' ' || m.state || ', ' || m.key from messages m where substr(m.key, 1, 5) = 'next:' and not exists
	(select 1 from messages f where f.id = substr(m.key, 6));

-- name: steps that sent
select count(*) from journey_steps where outcome = 'sent';

-- name: steps that sent nothing
select p.journey || ' ' || p.node || ' of ' || p.run from journey_steps p where p.outcome = 'sent' and not exists
	(select 1 from messages m where m.id = p.message and (m.state <> 'dropped' or m.reason <> '') and (p.run = '' or substr(m.key, 1, length(p.run) + 1) = p.run || ':'
		or substr(m.key, 1, 5) = 'next:' and exists
		(select 1 from journey_steps q where q.message = substr(m.key, 6) and q.message <> '' and q.run = p.run and q.node = p.node)));

-- name: control runs
select count(*) from journey_runs where arm = 'control';

-- name: control runs that got something
select r.journey || ' ' || r.key from journey_runs r where r.arm = 'control' and exists
	(select 1 from journey_steps p where p.run = r.id and p.run <> '' and (p.outcome = 'sent' or p.code <> ''));

-- name: orders delivered
select count(*) from journey_runs where journey = 'survey';

-- name: orders without survey or reason
select r.key from journey_runs r where r.journey = 'survey' and r.fact_at < $1 and r.ended_at is not null and r.sent = 0 and not exists
	(select 1 from journey_steps p where p.run = r.id and p.run <> '' and p.outcome in ('not_sent', 'withheld') and p.reason <> '') and r.reason = '';

-- name: german orders
select count(*) from orders where market = 'de' and paid_at is not null;

-- name: german orders without news
with told as (select distinct order_id from journey_runs where journey = 'parcel' and sent > 0)
select o.number from orders o where o.market = 'de' and o.source = 'shop' and o.paid_at is not null and o.paid_at < $1 and exists
	(select 1 from shipments s where s.order_id = o.id and s.state = 'handed_over' and s.handed_over_at < $1) and o.id not in (select order_id from told);

-- name: runs that failed
select journey || ' ' || key || ' at ' || node || ': ' || reason from journey_runs where state = 'failed';

-- name: jobs given up
select kind || ': ' || coalesce(failure, '') from jobs where given_up;

-- name: runs overdue
select journey || ' ' || key || ' at ' || node from journey_runs where due_at < $1;

-- name: outcome orders
select 'order ' || email || ' ' || market || ' ' || total || ' ' || currency || ' ' || state from orders where source = 'shop';

-- name: outcome messages
select 'message ' || m.template || ' ' || m.channel || ' ' || m.recipient || ' ' || m.lang || ' ' || m.state || ' ' || coalesce(o.email, '') || ' ' || coalesce(p.node || ' ' || p.visit, '')
	|| ' ' || coalesce(m.parts, '') from messages m left join orders o on o.id = m.order_id left join journey_steps p on p.message = m.id and p.message <> '' and p.outcome in ('sent', 'waits');

-- name: outcome runs
select 'run ' || r.journey || ' ' || coalesce(o.email, '') || ' ' || coalesce(c.email, '') || ' ' || r.node || ' ' || r.state || ' ' || r.reason || ' ' || r.arm || ' ' || r.sent
	from journey_runs r left join orders o on o.id = r.order_id left join customers c on c.id = r.customer;

-- name: outcome tickets
select 'ticket ' || coalesce(o.email, '') || ' ' || t.reason || ' ' || t.state || ' ' || t.priority || ' ' || t.opened_at from tickets t left join orders o on o.id = t.order_id;

-- name: outcome ratings
select 'rating ' || coalesce(o.email, '') || ' ' || coalesce(r.score, 0) || ' ' || r.comment || ' ' || r.at from journey_ratings r left join orders o on o.id = r.order_id;


-- name: paid
select id, cart, number from orders where paid_at is not null and source = 'shop' order by paid_at, id;

-- name: delivered
select o.number, d.delivered_at from order_deliveries d join orders o on o.id = d.order_id where d.delivered_at is not null order by d.delivered_at, o.id;
