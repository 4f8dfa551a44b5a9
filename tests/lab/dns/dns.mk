# The driver of tests/lab/test_dns.py.
LAB_PROGRAMS += $(BUILD)/tests/lab/dns/dns_probe

$(BUILD)/tests/lab/dns/dns_probe: $(BUILD)/tests/lab/dns/dns_probe.o \
                                  $(BUILD)/libdnsupdate.a $(BUILD)/libbase.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=clock_wall_ms -o $@ $^ $(LDLIBS)
