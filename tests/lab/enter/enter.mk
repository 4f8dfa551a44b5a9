# How labkit/scene.py gives a command on a host.
LAB_PROGRAMS += $(BUILD)/tests/lab/enter/enter

$(BUILD)/tests/lab/enter/enter: $(BUILD)/tests/lab/enter/enter.o
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^
