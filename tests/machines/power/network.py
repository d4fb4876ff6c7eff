"""How the machine's network is set up, by each program that people use for it: files, and the units that are switched on."""

UNITS = ["networking", "systemd-networkd", "NetworkManager", "nftables", "firewalld"]
STATIC = [("eth0", "10.1.0.1", "fd01::1"), ("eth1", "10.2.0.1", "fd02::1")]


def ifupdown():
    lines = ["auto lo", "iface lo inet loopback"]
    for device, address, address6 in STATIC:
        lines += [f"auto {device}", f"iface {device} inet static", f"  address {address}/24", f"iface {device} inet6 static", f"  address {address6}/64", "  dad-attempts 0"]
    lines += ["allow-hotplug eth2", "iface eth2 inet dhcp"]
    return {"/etc/network/interfaces": "\n".join(lines) + "\n"}


def networkd():
    files = {}
    for device, address, address6 in STATIC:
        files[f"/etc/systemd/network/{device}.network"] = \
            f"[Match]\nName={device}\n[Network]\nAddress={address}/24\nAddress={address6}/64\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n"
    files["/etc/systemd/network/eth2.network"] = "[Match]\nName=eth2\n[Network]\nDHCP=ipv4\n"
    return files


def manager():
    files = {"/etc/network/interfaces": "auto lo\niface lo inet loopback\n"}
    for device, address, address6 in STATIC:
        files[f"/etc/NetworkManager/system-connections/{device}.nmconnection"] = \
            f"[connection]\nid={device}\ntype=ethernet\ninterface-name={device}\n[ipv4]\nmethod=manual\naddress1={address}/24\n[ipv6]\nmethod=manual\naddress1={address6}/64\n"
    files["/etc/NetworkManager/system-connections/eth2.nmconnection"] = \
        "[connection]\nid=eth2\ntype=ethernet\ninterface-name=eth2\n[ipv4]\nmethod=auto\n[ipv6]\nmethod=disabled\n"
    return files


BY = {"ifupdown": ("networking", ifupdown), "networkd": ("systemd-networkd", networkd), "NetworkManager": ("NetworkManager", manager)}


def configure(guest, by, beside=()):
    """From the next start on BY sets up the network, and the units BESIDE run, too."""
    unit, files = BY[by]
    guest.tell("rm -f /etc/systemd/network/*.network /etc/NetworkManager/system-connections/*; : >/etc/network/interfaces")
    for path, text in files().items():
        guest.write(path, text, "600")
    guest.tell("chmod 644 /etc/systemd/network/* /etc/network/interfaces; systemctl disable " + " ".join(UNITS))
    for wanted in [unit, *beside]:
        said = guest.tell(f"systemctl enable {wanted}")
        assert said[0] == 0, said
