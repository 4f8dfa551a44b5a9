# The lab's clients. Included by the top Makefile, or used alone: make -f tests/lab/client/client.mk
#
#   lab-client             builds them into $(BUILD)/lab
#   lab-install LAB_BIN=D  copies them into D

BUILD ?= build
LAB_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
LAB_CLIENTS := $(BUILD)/lab/writer $(BUILD)/lab/reader
LAB_COMMON := $(LAB_DIR)/attempt.c $(LAB_DIR)/grid.c
LAB_HEADERS := $(LAB_DIR)/attempt.h $(LAB_DIR)/grid.h
# as the top Makefile compiles, or plainly
LAB_COMPILE = $(if $(COMPILE),$(COMPILE) $(WERROR_FLAG) $(LDFLAGS),$(LAB_PLAIN))
LAB_PLAIN = $(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g $(shell pkg-config --cflags libpq)

.PHONY: lab-client lab-install

lab-client: $(LAB_CLIENTS)

$(LAB_CLIENTS): $(BUILD)/lab/%: $(LAB_DIR)/%.c $(LAB_COMMON) $(LAB_HEADERS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(LAB_COMPILE) -o $@ $< $(LAB_COMMON) $(shell pkg-config --libs libpq)

lab-install: lab-client
	@mkdir -p $(LAB_BIN)
	cp $(LAB_CLIENTS) $(LAB_BIN)
