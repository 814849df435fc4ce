"""Operations that models are made of."""
