# Where what is built goes. Included by the Makefile.
#: make deb        a Debian package, build/deb/prey_*.deb; check-deb installs and runs it in a clean root (as root; MIRROR)
#: make install    programs, man pages, Vim files, completion, a systemd unit below PREFIX (/usr/local), staged below DESTDIR; also: make uninstall

MANDIR  ?= $(PREFIX)/share/man
VIMDIR  ?= $(PREFIX)/share/vim/vimfiles
LIBDIR  ?= $(PREFIX)/lib/prey
UNITDIR ?= $(PREFIX)/lib/systemd/system
USERDIR ?= $(PREFIX)/lib/sysusers.d
BASHDIR ?= $(PREFIX)/share/bash-completion/completions

VIM_FILES := $(patsubst editors/vim/%,%,$(wildcard editors/vim/*/*.vim))
UNIT_PLACES := 's|@BINDIR@|$(PREFIX)/bin|g; s|@LIBDIR@|$(LIBDIR)|g'
install: all
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(B)/preyc $(B)/preyrun $(B)/preyctl
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man1 man/preyc.1 man/preyrun.1 man/preyctl.1
	for f in $(VIM_FILES); do install -D -m 644 editors/vim/$$f $(DESTDIR)$(VIMDIR)/$$f || exit 1; done
	install -D -m 644 editors/bash/prey.bash $(DESTDIR)$(BASHDIR)/preyc
	for p in preyrun preyctl; do ln -sf preyc $(DESTDIR)$(BASHDIR)/$$p || exit 1; done
	install -d $(addprefix $(DESTDIR),$(LIBDIR) $(UNITDIR))
	sed $(UNIT_PLACES) systemd/prey-compile >$(DESTDIR)$(LIBDIR)/prey-compile && chmod 755 $(DESTDIR)$(LIBDIR)/prey-compile
	sed $(UNIT_PLACES) systemd/preyrun@.service >$(DESTDIR)$(UNITDIR)/preyrun@.service
	install -D -m 644 systemd/prey.sysusers $(DESTDIR)$(USERDIR)/prey.conf
uninstall:
	rm -f $(addprefix $(DESTDIR),$(LIBDIR)/prey-compile $(UNITDIR)/preyrun@.service $(USERDIR)/prey.conf)
	rm -f $(addprefix $(DESTDIR)$(BASHDIR)/,preyc preyrun preyctl)
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,preyc preyrun preyctl) $(addprefix $(DESTDIR)$(MANDIR)/man1/,preyc.1 preyrun.1 preyctl.1) $(addprefix $(DESTDIR)$(VIMDIR)/,$(VIM_FILES))

# The package of what git knows here, judged by lintian. debian/ says how it is built.
DEB := $(B)/deb/prey-$(VERSION)
deb:
	@sh tests/deps.sh build deb
	rm -rf $(B)/deb && mkdir -p $(DEB)
	git ls-files -z | xargs -0 cp --parents -t $(DEB)
	cd $(DEB) && dpkg-buildpackage -us -uc -b >../log 2>&1 || { tail -20 ../log; exit 1; }
	lintian --fail-on error,warning $(B)/deb/prey_*.changes
	@ls $(B)/deb/prey_*.deb
check-deb: deb $(B)/tests/tools/mkcap
	@sh tests/deps.sh check-deb
	B=$(B) bash tests/deb.sh
.PHONY: install uninstall deb check-deb
