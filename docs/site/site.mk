# The site of the documents. Included by the Makefile.
#: make site       the guide, the reference and the man pages as HTML with a search, in build/site: open index.html there
SITE := $(B)/site
site: $(B)/man/prey.5
	@sh tests/deps.sh site
	@python3 docs/site/stage.py $(B)/site-pages $(B)/man/prey.5
	@cp -r docs/site/static $(B)/site-pages/
	$(call run,SITE)rm -rf $(SITE) && sphinx-build -q -W --keep-going -b html -c docs/site -d $(B)/site-trees $(B)/site-pages $(SITE)
	@cp $(SITE)/README.html $(SITE)/index.html
.PHONY: site
# The guide's pictures, which lie in the tree so that a reader of the tree sees them.
#: make pictures   draw the guide's pictures anew: diagrams from their .dot files, and as root a screenshot of the statistics page
pictures: programs
	@sh tests/deps.sh pictures
	@for f in docs/guide/pictures/*.dot; do dot -Tsvg $$f | sed 's/<!--.*-->//; /^<!-- Generated/,/-->/d' >$${f%.dot}.svg || exit 1; done
	@B=$(B) bash docs/guide/pictures/statistics.sh
.PHONY: pictures
