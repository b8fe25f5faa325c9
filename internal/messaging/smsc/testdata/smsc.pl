# A message centre of another maker: takes one client on a free port of 127.0.0.1, answers submits with a
# hexadecimal id, sends a receipt for each with the id in decimal and padded, in text form only, and what
# comes from a sender of digits back as a reply, part for part.
use strict;
use warnings;
use Net::SMPP;

$| = 1;
my $listener = Net::SMPP->new_listen('127.0.0.1', port => 0) or die "can't listen: $!";
print "PORT ", $listener->sockport(), "\n";
my $esme = $listener->accept() or die "can't accept: $!";
my ($n, $taken) = (0x0abc00, 0);
my $first = '';
while (my $pdu = $esme->read_pdu()) {
    my ($cmd, $seq) = ($pdu->{cmd}, $pdu->{seq});
    if ($cmd == 0x09) {
        print "BIND $pdu->{system_id} $pdu->{password} $pdu->{interface_version}\n";
        $esme->bind_transceiver_resp(seq => $seq, system_id => 'perl');
    } elsif ($cmd == 0x04) {
        $n++;
        $esme->submit_sm_resp(seq => $seq, message_id => sprintf('%X', $n));
        my @back = (source_addr => $pdu->{destination_addr}, destination_addr => $pdu->{source_addr}, async => 1);
        if ($first eq '') {
            $first = $pdu->{short_message};
            print "FIRST $pdu->{source_addr_ton} $pdu->{source_addr_npi} $pdu->{esm_class} $pdu->{data_coding} ",
                "$pdu->{registered_delivery} $pdu->{validity_period} ", unpack('H*', $first), "\n";
        }
        $esme->deliver_sm(@back, esm_class => $pdu->{esm_class}, data_coding => $pdu->{data_coding}, short_message => $pdu->{short_message})
            if $pdu->{source_addr} =~ /^\d+$/;
        $esme->deliver_sm(@back, esm_class => 4, short_message => sprintf(
            'id:%012d sub:001 dlvrd:001 submit date:2611211404 done date:2611211405 stat:DELIVRD err:000 text:', $n));
    } elsif ($cmd == 0x80000005) {
        $taken++ if $pdu->{status} == 0;
    } elsif ($cmd == 0x15) {
        $esme->enquire_link_resp(seq => $seq);
    } elsif ($cmd == 0x06) {
        $esme->unbind_resp(seq => $seq);
        last;
    }
}
print "TAKEN $taken\n";
