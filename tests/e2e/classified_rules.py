"""Rules of every kind among many of one kind: chains, counts, logs, sets, bytes, meters, negations, states."""
print("""set office = 192.0.2.0/24, 2001:db8:1::/48
ports web = 80, 443, 8000-8080
meter slow = 1/s burst 3 per source
chain watch {
  count udp as UDP
  drop udp port 137-139 as NETBIOS
  return tcp flags has rst as RESET
  count tcp from office as FROM_OFFICE
}
firewall edge default drop {
  accept icmp6 type nd""")
for i in range(1500):
    print(f"  drop tcp from 10.{i >> 8}.{i & 255}.0/24 to port {i % 999 + 1}")
    if i == 200: print("  log tcp flags has syn lacks ack as ASKED")
    if i == 400: print("  do watch")
    if i == 600: print('  drop tcp bytes payload at 0 is x"16 03" as TLS')
    if i == 800: print("  drop icmp over slow as FLOOD")
    if i == 1000: print("  accept tcp from not office to port web as WEB")
    if i == 1200: print("  reject udp from 10.0.0.0/8 to port 53 as DNS")
for i in range(1500):
    print(f"  accept udp from 2001:db8:{i:x}::/48 to port {i % 500 + 1}-{i % 500 + 9}")
print("  accept tcp to port 22 as SSH\n  accept icmp as PING\n}")
