# What tests/lab/bench compares with.
LAB_PROGRAMS += $(BUILD)/tests/lab/floor/floor

$(BUILD)/tests/lab/floor/floor: $(BUILD)/tests/lab/floor/floor.o \
                                $(BUILD)/libdnsupdate.a $(BUILD)/libbase.a
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
