unit_test(safetensors)
