/* The ioctl that ethtool uses. */
#pragma once

/* Put a question (a struct of ethtool's, its command first) to the interface's driver; the answer lies where the
 * question did. 0 and more, or a negative errno: -ENODEV, -EOPNOTSUPP. */
int ethtool_ask(const char *interface, void *question);
