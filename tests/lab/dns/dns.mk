# The driver of tests/lab/test_dns.py.
LAB_PROGRAMS += $(BUILD)/tests/lab/dns/dns_probe

$(BUILD)/tests/lab/dns/dns_probe: tests/lab/dns/dns_probe.c $(BUILD)/libdnsupdate.a $(BUILD)/libbase.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(COMPILE) $< $(BUILD)/libdnsupdate.a $(BUILD)/libbase.a $(LDFLAGS) -Wl,--wrap=clock_wall_ms $(LDLIBS) -o $@
