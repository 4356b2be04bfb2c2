unit_test(recipe)
