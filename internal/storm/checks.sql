-- name: orders
select count(*) from orders;

-- name: paid
select count(*) from orders where paid_at is not null;

-- What the provider's own books say is the measure of what was paid: they were not asked to be merciful.
-- name: captured
select count(*) from fakepsp_payments where state = 'captured';

-- name: given back
select count(*) from fakepsp_payments p where state = 'captured' and received <=
	(select coalesce(sum(r.amount), 0) from fakepsp_refunds r where r.payment = p.ref);

-- name: money without an order
select count(*) from fakepsp_payments p where p.state = 'captured'
	and p.received > (select coalesce(sum(r.amount), 0) from fakepsp_refunds r where r.payment = p.ref)
	and not exists (select 1 from payment_attempts a join payment_intents i on i.id = a.intent join orders o on o.id = i.order_id
		where a.id = p.reference and o.paid_at is not null);

-- name: paid orders without money
select count(*) from orders o where o.paid_at is not null and not exists
	(select 1 from payment_intents i join payment_attempts a on a.intent = i.id join fakepsp_payments p on p.reference = a.id
	where i.order_id = o.id and p.state = 'captured' and p.received = o.total);

-- name: carts with two orders
select count(*) from (select cart from orders group by cart having count(*) > 1) x;

-- name: shoppers with two orders
select count(*) from (select phone from orders group by phone having count(*) > 1) x;

-- name: orders whose cart says otherwise
select count(*) from orders o where not exists (select 1 from carts c where c.id = o.cart and c.order_id = o.id and c.state = 'ordered');

-- name: carts still being paid
select count(*) from carts where state = 'paying';

-- name: paid orders without one confirmation
select count(*) from orders o where o.paid_at is not null and 1 <>
	(select count(*) from messages m where m.order_id = o.id and m.channel = 'sms' and m.template = 'confirm');

-- name: confirmations not on the wire
select count(*) from messages where channel = 'sms' and template = 'confirm' and wire_at is null;

-- name: confirmations of nothing
select count(*) from messages m where m.template = 'confirm' and not exists (select 1 from orders o where o.id = m.order_id and o.paid_at is not null);

-- name: waiting
select count(*) from messages where channel = 'sms' and template = 'confirm' and wire_at is null;

-- name: unsettled
select count(*) from payment_calls c join payment_attempts a on a.id = c.attempt
	where c.operation = 'start' and c.outcome in ('', 'unknown') and c.check_at is not null;

-- name: numbers without an order
select coalesce(sum(last), 0) - (select count(*) from orders) from order_numbers;

-- name: orders without a number
select count(*) from orders where number is null;

-- name: stock oversold
select count(*) from stock_levels where reserved + allocated > on_hand or reserved < 0 or allocated < 0;

-- name: stock still held
select coalesce(sum(reserved), 0) from stock_levels;

-- name: allocations without an order
select count(*) from reservations r where r.state = 'allocated' and not exists (select 1 from orders o where o.id = r.ref);

-- name: orders without an allocation
select count(*) from orders o where not exists (select 1 from reservations r where r.ref = o.id and r.state = 'allocated');

-- name: levels that differ from their allocations
select count(*) from (select s.sku, s.location, s.allocated, (select coalesce(sum(l.quantity), 0) from reservation_lines l join reservations r on r.ref = l.ref
	where l.sku = s.sku and l.location = s.location and r.state = 'allocated') as lines from stock_levels s) x where x.allocated <> x.lines;

-- name: numbers
select number from orders order by number;

-- name: confirmations
select o.phone, m.body, m.repeats from messages m join orders o on o.id = m.order_id where m.channel = 'sms' and m.template = 'confirm';

-- name: given up sqlite
select count(*) from jobs where given_up;

-- name: given up postgres
select count(*) from river_job where state in ('cancelled', 'discarded');
