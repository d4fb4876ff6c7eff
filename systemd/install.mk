# Where what is built goes. Included by the Makefile.
#: make deb        the Debian packages prey, prey-compiler and prey-doc (the site), in build/deb; check-deb installs and runs them in a clean root (as root; MIRROR)
#: make install    programs, man pages, manual and examples, Vim files, completion for three shells, a systemd unit below PREFIX (/usr/local), staged below DESTDIR; also: make uninstall

MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/prey
VIMDIR  ?= $(PREFIX)/share/vim/vimfiles
LIBDIR  ?= $(PREFIX)/lib/prey
UNITDIR ?= $(PREFIX)/lib/systemd/system
USERDIR ?= $(PREFIX)/lib/sysusers.d
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

VIM_FILES := $(patsubst editors/vim/%,%,$(wildcard editors/vim/*/*.vim))
UNIT_PLACES := 's|@BINDIR@|$(PREFIX)/bin|g; s|@LIBDIR@|$(LIBDIR)|g; s|@DOCDIR@|$(DOCDIR)|g; s|@BASHDIR@|$(BASHDIR)|g'
# What is to be read lies as it does in the tree, so that its links lead on.
GUIDE := $(wildcard docs/guide/*.md docs/guide/*/*.md docs/guide/*/*/*.*) $(wildcard docs/guide/pictures/*.svg docs/guide/pictures/*.png)
DOCS := README.md $(GUIDE) systemd/README.md systemd/prey-edge systemd/prey.logrotate integrations/README.md integrations/fail2ban/prey.conf $(wildcard rules-examples/*.* rules-examples/*/*.*)
# The reference as a man page.
programs: $(B)/man/prey.5
LANGUAGE := docs/guide/reference/language/
LANGUAGE_PAGES := $(addprefix $(LANGUAGE),README.md $(shell sed -n 's/^- \[.*\](\([a-z-]*\.md\))$$/\1/p' $(LANGUAGE)README.md))
$(B)/man/prey.5: $(LANGUAGE_PAGES) man/reference.awk
	@mkdir -p $(@D)
	$(call run,AWK)awk -f man/reference.awk $(LANGUAGE_PAGES) >$@
INSTALL := install -D -m
# What is installed below DESTDIR, but for manual and examples and Vim's files.
INSTALLED = $(addprefix $(PREFIX)/bin/,preyc preyrun preyctl) $(addprefix $(MANDIR)/,man1/preyc.1 man1/preyrun.1 man1/preyctl.1 man5/prey.5) \
	$(addprefix $(BASHDIR)/,preyc preyrun preyctl) $(ZSHDIR)/_prey $(addprefix $(FISHDIR)/,preyc.fish preyrun.fish preyctl.fish) \
	$(addprefix $(LIBDIR)/,offered prey-compile prey-crowdsec-feed prey-list) $(addprefix $(UNITDIR)/,preyrun@.service prey-list@.service prey-list@.timer) \
	$(USERDIR)/prey.conf
install: all
	@install -d $(DESTDIR)$(PREFIX)/bin 2>/dev/null && [ -w $(DESTDIR)$(PREFIX)/bin ] || { echo 'make install: you may not write to $(DESTDIR)$(PREFIX)/bin: use `sudo make install`, or PREFIX=FOLDER' >&2; exit 1; }
	@$(INSTALL) 755 -t $(DESTDIR)$(PREFIX)/bin $(B)/preyc $(B)/preyrun $(B)/preyctl
	@$(INSTALL) 644 -t $(DESTDIR)$(MANDIR)/man1 man/preyc.1 man/preyrun.1 man/preyctl.1
	@$(INSTALL) 644 -t $(DESTDIR)$(MANDIR)/man5 $(B)/man/prey.5
	@for f in $(DOCS); do $(INSTALL) 644 $$f $(DESTDIR)$(DOCDIR)/$$f || exit 1; done
	@for f in $(VIM_FILES); do $(INSTALL) 644 editors/vim/$$f $(DESTDIR)$(VIMDIR)/$$f || exit 1; done
	@$(INSTALL) 644 editors/bash/prey.bash $(DESTDIR)$(BASHDIR)/preyc
	@for p in preyrun preyctl; do ln -sf preyc $(DESTDIR)$(BASHDIR)/$$p || exit 1; done
	@install -d $(addprefix $(DESTDIR),$(LIBDIR) $(UNITDIR) $(ZSHDIR) $(FISHDIR))
	@sed $(UNIT_PLACES) editors/bash/offered >$(DESTDIR)$(LIBDIR)/offered && chmod 755 $(DESTDIR)$(LIBDIR)/offered
	@sed $(UNIT_PLACES) editors/zsh/_prey >$(DESTDIR)$(ZSHDIR)/_prey
	@for p in preyc preyrun preyctl; do sed $(UNIT_PLACES) editors/fish/prey.fish >$(DESTDIR)$(FISHDIR)/$$p.fish || exit 1; done
	@sed $(UNIT_PLACES) systemd/prey-compile >$(DESTDIR)$(LIBDIR)/prey-compile && chmod 755 $(DESTDIR)$(LIBDIR)/prey-compile
	@sed $(UNIT_PLACES) systemd/preyrun@.service >$(DESTDIR)$(UNITDIR)/preyrun@.service
	@$(INSTALL) 755 -t $(DESTDIR)$(LIBDIR) integrations/crowdsec/prey-crowdsec-feed integrations/lists/prey-list
	@sed $(UNIT_PLACES) integrations/lists/prey-list@.service >$(DESTDIR)$(UNITDIR)/prey-list@.service
	@$(INSTALL) 644 -t $(DESTDIR)$(UNITDIR) integrations/lists/prey-list@.timer
	@$(INSTALL) 644 systemd/prey.sysusers $(DESTDIR)$(USERDIR)/prey.conf
	@echo 'prey $(VERSION) is installed below $(DESTDIR)$(PREFIX).$(if $(DESTDIR),, Next: preyc --help; for the service, systemd-sysusers && systemctl daemon-reload, then $(DOCDIR)/systemd/README.md)'
# Folders of prey's alone go too, where nothing else lies in them.
uninstall:
	@rm -f $(addprefix $(DESTDIR),$(INSTALLED)) $(addprefix $(DESTDIR)$(VIMDIR)/,$(VIM_FILES)) $(addprefix $(DESTDIR)$(DOCDIR)/,$(DOCS))
	@for d in $(DESTDIR)$(LIBDIR) $(DESTDIR)$(DOCDIR); do [ ! -d $$d ] || find $$d -depth -type d -exec rmdir --ignore-fail-on-non-empty {} +; done
	@echo 'prey is gone from $(DESTDIR)$(PREFIX).$(if $(DESTDIR),, Next: systemctl daemon-reload; rules in /etc/prey, what lies in /var/lib/prey and /var/log/prey, and user prey are yours to remove)'

# The package of what git knows here, judged by lintian. debian/ says how it is built.
DEB := $(B)/deb/prey-$(VERSION)
deb:
	@sh tests/deps.sh build deb
	rm -rf $(B)/deb && mkdir -p $(DEB)
	git ls-files -z | xargs -0 cp --parents -t $(DEB)
	cd $(DEB) && dpkg-buildpackage -us -uc -b >../log 2>&1 || { tail -20 ../log; exit 1; }
	lintian --fail-on error,warning $(B)/deb/prey_*.changes
	@ls $(B)/deb/*.deb
check-deb: deb $(B)/tests/tools/mkcap
	@sh tests/deps.sh check-deb
	B=$(B) bash tests/deb.sh
.PHONY: install uninstall deb check-deb
