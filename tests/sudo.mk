# `sudo make` in a tree of the user who called it: what is built belongs to that user, whose own `make` goes on from there.
# Included by the Makefile. Recipes run as the user, but for those below, which install what is missing, or run tests.
NEED_ROOT := all site pictures install uninstall deb check-deb check-build check quick check-long check-live check-machines check-tsan soak demo demo-live \
	bench bench-live bench-kernel bench-proxy bench-splice bench-plot mutate coverage
ifneq ($(filter-out 0,$(SUDO_UID)),)
ifeq ($(shell id -u; stat -c %u .),0 $(SUDO_UID))
# All builds, or a folder elsewhere that B names; and what an earlier make left there to root.
HANDED_BACK := $(if $(filter /%,$(B)),$(B),$(firstword $(subst /, ,$(B))))
LEFT := $(if $(filter 0,$(MAKELEVEL)),$(shell [ ! -e $(HANDED_BACK) ] || chown -hR --from=0 $(SUDO_UID):$(SUDO_GID) $(HANDED_BACK)))
SHELL := $(CURDIR)/tests/sudo.sh
$(NEED_ROOT): private .SHELLFLAGS = root $(HANDED_BACK) -c
endif
endif
