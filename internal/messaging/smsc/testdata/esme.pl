# A client of another maker: binds to host and port, sends texts given as hexadecimal UTF-16 in as many parts as each
# needs, cut without regard to what a character is, waits for a receipt of each part and for a number of replies, and
# prints what it saw.
use strict;
use warnings;
use Net::SMPP;

$| = 1;
my ($host, $port, $replies, @texts) = @ARGV;
my ($smsc, $bound) = Net::SMPP->new_transceiver($host, port => $port, system_id => 'perl', password => 'secret');
die "no connection" unless $smsc;
print "BOUND ", $bound->{status}, " ", $bound->{system_id}, "\n";

my $expected = $replies;
for my $i (0 .. $#texts) {
    my $octets = pack('H*', $texts[$i]);
    my @parts = length($octets) <= 140 ? ($octets) : unpack('(a134)*', $octets);
    for my $n (1 .. @parts) {
        my $header = @parts > 1 ? pack('C6', 5, 0, 3, $i, scalar @parts, $n) : '';
        my $answer = $smsc->submit_sm(
            source_addr_ton => 1, source_addr_npi => 1, source_addr => '4915112345',
            dest_addr_ton => 1, dest_addr_npi => 1, destination_addr => sprintf('49170%07d', $i),
            esm_class => $header eq '' ? 0 : 0x40, data_coding => 8, registered_delivery => 1,
            short_message => $header . $parts[$n - 1],
        );
        print "ID ", $answer->{message_id}, " ", $answer->{status}, "\n";
        $expected++;
    }
}
print "SENT\n";
for (1 .. $expected) {
    my $pdu = $smsc->read_pdu() or die "line lost";
    $pdu->{cmd} == 5 or die "unexpected command $pdu->{cmd}";
    if ($pdu->{esm_class} == 4) {
        (my $id = $pdu->{receipted_message_id}) =~ s/\0//g;
        my ($stat) = $pdu->{short_message} =~ /stat:(\w+)/;
        print "RECEIPT $id ", ord($pdu->{message_state}), " $stat\n";
    } else {
        print "REPLY $pdu->{source_addr} $pdu->{esm_class} $pdu->{data_coding} ", unpack('H*', $pdu->{short_message}), "\n";
    }
    $smsc->deliver_sm_resp(seq => $pdu->{seq}, message_id => '');
}
my $alive = $smsc->enquire_link();
print "ALIVE ", $alive->{status}, "\n";
$smsc->unbind();
print "DONE\n";
