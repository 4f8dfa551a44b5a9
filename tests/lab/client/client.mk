# The lab's clients. Included by the top Makefile, or used alone: make -f tests/lab/client/client.mk
#
#   lab-client             builds them into $(BUILD)/lab
#   lab-install LAB_BIN=D  copies them into D

BUILD ?= build
LAB_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
LAB_CLIENTS := $(BUILD)/lab/writer $(BUILD)/lab/reader
LAB_COMMON := $(LAB_DIR)/attempt.c $(LAB_DIR)/grid.c
LAB_HEADERS := $(LAB_DIR)/attempt.h $(LAB_DIR)/grid.h
LAB_CFLAGS ?= -std=gnu11 -O2 -g -Wall -Wextra
LAB_PQ_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libpq))
LAB_PQ_LIBS := $(shell pkg-config --libs libpq)

.PHONY: lab-client lab-install
lab-client: $(LAB_CLIENTS)

$(BUILD)/lab/%: $(LAB_DIR)/%.c $(LAB_COMMON) $(LAB_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(LAB_CFLAGS) -D_GNU_SOURCE $(LAB_PQ_CFLAGS) -o $@ $< $(LAB_COMMON) $(LAB_PQ_LIBS)

lab-install: lab-client
	@mkdir -p $(LAB_BIN)
	cp $(LAB_CLIENTS) $(LAB_BIN)
