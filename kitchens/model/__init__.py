"""The nouns of the house as frozen values. They know no git, no container and no terminal."""
