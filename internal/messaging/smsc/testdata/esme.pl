# A client of another maker: binds to host and port, sends one long UCS-2 text in two parts, waits for both
# receipts and for a reply of two parts, and prints what it saw.
use strict;
use warnings;
use Net::SMPP;

$| = 1;
my ($host, $port) = @ARGV;
my ($smsc, $bound) = Net::SMPP->new_transceiver($host, port => $port, system_id => 'perl', password => 'secret');
die "no connection" unless $smsc;
print "BOUND ", $bound->{status}, " ", $bound->{system_id}, "\n";

my @texts = ("\x04\x1f" x 67, "\xd8\x3d\xde\x00");
for my $n (1, 2) {
    my $answer = $smsc->submit_sm(
        source_addr_ton => 1, source_addr_npi => 1, source_addr => '4915112345',
        dest_addr_ton => 1, dest_addr_npi => 1, destination_addr => '4917000001',
        esm_class => 0x40, data_coding => 8, registered_delivery => 1,
        short_message => pack('C6', 5, 0, 3, 77, 2, $n) . $texts[$n - 1],
    );
    print "ID ", $answer->{message_id}, " ", $answer->{status}, "\n";
}
for (1 .. 4) {
    my $pdu = $smsc->read_pdu() or die "line lost";
    $pdu->{cmd} == 5 or die "unexpected command $pdu->{cmd}";
    if ($pdu->{esm_class} == 4) {
        (my $id = $pdu->{receipted_message_id}) =~ s/\0//g;
        my ($stat) = $pdu->{short_message} =~ /stat:(\w+)/;
        print "RECEIPT $id ", ord($pdu->{message_state}), " $stat\n";
    } else {
        print "REPLY $pdu->{esm_class} $pdu->{data_coding} ", unpack('H*', $pdu->{short_message}), "\n";
    }
    $smsc->deliver_sm_resp(seq => $pdu->{seq}, message_id => '');
}
my $alive = $smsc->enquire_link();
print "ALIVE ", $alive->{status}, "\n";
$smsc->unbind();
print "DONE\n";
