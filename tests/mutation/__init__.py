"""Mutation campaign: does some test fail for every small mistake in a verification rule?"""
