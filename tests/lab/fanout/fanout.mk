# Agents in numbers, for tests/lab/test_fanout.py and docs/bench.md.
LAB_PROGRAMS += $(BUILD)/tests/lab/fanout/fanout

$(BUILD)/tests/lab/fanout/fanout: $(BUILD)/tests/lab/fanout/fanout.o $(BUILD)/libproto.a \
                                  $(BUILD)/libdnsupdate.a $(BUILD)/libbase.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
