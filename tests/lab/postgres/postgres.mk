# The driver of tests/lab/test_postgres.py.
LAB_PROGRAMS += $(BUILD)/tests/lab/postgres/pg_driver

$(BUILD)/tests/lab/postgres/pg_driver: tests/lab/postgres/pg_driver.c $(BUILD)/libagent.a $(FLOORS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(COMPILE) $(WERROR_FLAG) $< $(BUILD)/libagent.a $(FLOORS) $(LDFLAGS) $(LDLIBS) -o $@
