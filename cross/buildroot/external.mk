include $(sort $(wildcard $(BR2_EXTERNAL_VIGILE_PATH)/package/*/*.mk))
